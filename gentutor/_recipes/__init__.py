"""How each packaged model was made: one module a model, read by `gentutor.weights` (which says what it must hold)."""
