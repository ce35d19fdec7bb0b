"""HTTP and WebSocket: what every page and every live message passes through."""
