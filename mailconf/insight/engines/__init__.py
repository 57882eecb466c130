"""What answers a case: the model, a private Postfix, or sendmail."""
