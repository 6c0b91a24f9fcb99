"""Lessons go to an evolving population of prompts, weights move little (Fast-Slow Training)."""
