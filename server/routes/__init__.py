"""The API, a file for each resource. A view checks its input, asks the store, and answers."""
