"""Steps of the generation of the client."""
