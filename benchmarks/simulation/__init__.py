"""Simulated judges and experts with a known truth, for the coverage benchmark. Needs only numpy."""
