"""A memory behind an address: the OpenAI protocol, routes to see and erase it, sleep meanwhile."""
