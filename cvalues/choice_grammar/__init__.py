"""The small grammar in which models say which of two replies is better, in Chinese and English."""
