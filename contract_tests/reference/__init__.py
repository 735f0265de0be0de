"""The reference server: a stateful, in-memory server that conforms to the contract."""
