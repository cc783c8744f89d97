"""Letters from templates, in HTML and text: `engine.render_template`, `variables.variables_of`."""
