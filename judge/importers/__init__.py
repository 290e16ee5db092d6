"""Files of other evaluation tools, read as generations and scores."""
