"""Pictures: from small records to charts, and from charts to SVG that may stand in a page."""
