"""What all numerical packages share: vector spaces, status codes, option ranges, random numbers."""
