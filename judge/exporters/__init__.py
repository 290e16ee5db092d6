"""From records to files that other programs and people open."""
