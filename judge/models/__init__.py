"""The one door to model providers."""
