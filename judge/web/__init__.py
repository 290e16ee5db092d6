"""The experts' room: pages on which people label, collect and review, served on one machine."""
