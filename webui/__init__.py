"""The adapter for AUTOMATIC1111's web UI, Forge and their relatives; scripts/seeds_samplers_webui.py loads it."""
