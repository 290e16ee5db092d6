"""The sections of a page, one file each; each begins with a sentence that the numbers give."""
