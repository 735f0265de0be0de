"""The contract: its operations and schemas, places in a body, and how documents are read."""
