"""What a Postfix configuration means, before anybody asks a question of it: values expanded, defaults filled in,
lists and tables compiled, address classes, services, and the `Site` of the model.
"""
