"""Models that people have: found, loaded, and driven in parts."""
