"""SEEDS."""
