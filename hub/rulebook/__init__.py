"""Rules edited on the page: their text, their forms, their versions, and how they go live."""
