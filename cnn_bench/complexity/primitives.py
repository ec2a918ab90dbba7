"""The primitives of JAX by the kind of their work. One that is in no table here or in `work` is refused."""


def _names(words: str) -> frozenset[str]:
    return frozenset(words.split())


ELEMENTWISE = _names("""
    abs acos acosh add add_any and asin asinh atan atan2 atanh bessel_i0e bessel_i1e cbrt ceil clamp
    clz complex conj cos cosh digamma div eq eq_to erf erf_inv erfc exp exp2 expm1 floor ge gt
    igamma igamma_grad_a igammac imag integer_pow is_finite le le_to lgamma log log1p log2 logistic
    lt lt_to max min mul mulhi ne neg nextafter not one_minus_square or polygamma polynomial
    population_count pow random_bits real reduce_precision regularized_incomplete_beta rem
    rng_bit_generator rng_uniform round rsqrt select_n shift_left shift_right_arithmetic
    shift_right_logical sign sin sinh sqrt square sub tan tanh threefry2x32 xor zeta
    """)
SCATTERED = _names('scatter-add scatter-max scatter-min scatter-mul scatter-sub')
REDUCTIONS = _names("""
    argmax argmin cumlogsumexp cummax cummin cumprod cumsum reduce reduce_and reduce_max reduce_min
    reduce_or reduce_prod reduce_sum reduce_xor
    """)
POOLING = _names('reduce_window reduce_window_max reduce_window_min reduce_window_sum')
POOLING_BACKWARD = _names('select_and_gather_add select_and_scatter select_and_scatter_add')
# No arithmetic: they move, rename or annotate data, or make constants and keys.
FREE = _names("""
    axis_index bitcast_convert_type broadcast_in_dim convert_element_type copy copy_p
    create_token debug_callback debug_print device_put dynamic_slice dynamic_update_slice empty
    empty2 from_edtype gather iota layout_constraint name optimization_barrier pad platform_index
    pvary random_clone random_fold_in random_seed random_split random_unwrap random_wrap reshape rev
    scatter sharding_constraint slice split squeeze stack stop_gradient tile to_edtype transpose
    unstack zeros_like
    """)
