"""The demo: one page over `core`, for a person with one video. By itself, on a Hugging Face Space, or mounted."""
