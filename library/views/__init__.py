"""The pages of pieces, collections and shared links. One module a page."""
