"""HTML as text: its tokens as a parser meets them, and texts that are no HTML. No parser here, no Django."""
