"""Pieces: what users keep. This app knows nothing of models or jobs."""
