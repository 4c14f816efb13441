"""Real faces -> pseudo-fakes -> weights -> figures. Imports core, never the other way round."""
