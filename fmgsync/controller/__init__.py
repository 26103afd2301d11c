"""The story: look, plan, write, install, prove. Joins the layers and does none of their work."""
