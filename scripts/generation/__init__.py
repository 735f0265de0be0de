"""Parts of the generation of the client."""
