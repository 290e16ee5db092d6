"""The release gate: ship, do not ship, or get more labels."""
