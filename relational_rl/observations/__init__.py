"""What an agent needs to know of an environment, read from its spaces."""
