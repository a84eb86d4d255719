"""Serves a model's own inference.py by the SageMaker container contract."""
