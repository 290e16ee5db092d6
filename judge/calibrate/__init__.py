"""Whether a judge can be believed: its scores held against expert labels, part by part."""
