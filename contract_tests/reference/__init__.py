"""The reference server: a stateful, in-memory server that is held to the contract itself."""
