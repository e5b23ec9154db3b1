"""What a running gateway says of itself: one record of each request's passage, and what is made of it."""
