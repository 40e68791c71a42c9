"""Models that predict each entry from those before it: p(x) = prod_t p(x_t | x_<t)."""
