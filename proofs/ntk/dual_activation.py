"""Eq. (1) of `theorylab.ntk.dual_activation` in closed form, for every activation.

Price's theorem, `d<F(u) G(v)>/dc = <F'(u) G'(v)>`, is an identity of the normal density, integrated
by parts, and holds for kinks and jumps as well (the derivative of a jump is a delta function). With
it a dual is known from its derivative and from its value at `c = 0`, where `u` and `v` are
independent.
"""

from __future__ import annotations

import sympy as sp

from proofs.lemma import vanishes

a, b = sp.symbols("a b", positive=True)
c, x, y, z = sp.symbols("c x y z", real=True)
rho, theta = sp.symbols("rho theta", real=True)
alpha, gamma = sp.symbols("alpha gamma", real=True)  # slopes below and above 0
mu, w, s = sp.symbols("mu w s", positive=True)
omega = sp.symbols("omega", real=True)

# The closed forms: value and derivative's dual. They are the oracles of the tests.
D_erf = (1 + 2 * a) * (1 + 2 * b) - 4 * c**2
D_gauss = (1 + 2 * mu * a) * (1 + 2 * mu * b) - 4 * mu**2 * c**2
D_gelu = (1 + a) * (1 + b) - c**2
q_gelu = 1 / (2 * sp.pi * sp.sqrt(D_gelu))
P_gelu = sp.Rational(1, 4) + sp.atan(c / sp.sqrt(D_gelu)) / (2 * sp.pi)
mean, half = (alpha + gamma) / 2, (gamma - alpha) / 2
slopes = mean**2 * c + 2 * half**2 / sp.pi * (
    sp.sqrt(a * b - c**2) + c * sp.asin(c / sp.sqrt(a * b))
)
slopes_derivative = mean**2 + 2 * half**2 / sp.pi * sp.asin(c / sp.sqrt(a * b))
erf = 2 / sp.pi * sp.atan(2 * c / sp.sqrt(D_erf))
erf_derivative = 4 / sp.pi / sp.sqrt(D_erf)
exponential = sp.exp(mu**2 * (a + b + 2 * c) / 2)
exponential_derivative = mu**2 * exponential
gaussian = 1 / sp.sqrt(D_gauss)
gaussian_derivative = 4 * mu**2 * c / sp.sqrt(D_gauss) ** 3
damping = sp.exp(-(w**2) * (a + b) / 2)
wave = damping / 2 * (sp.exp(w**2 * c) - sp.cos(2 * omega) * sp.exp(-(w**2) * c))
wave_derivative = w**2 * damping / 2 * (sp.exp(w**2 * c) + sp.cos(2 * omega) * sp.exp(-(w**2) * c))
gelu = c * P_gelu + q_gelu * (a * (b + a * b - c**2) / (1 + a) + c**2 / (1 + b))
gelu_derivative = P_gelu + q_gelu * c * (1 / (1 + a) + 1 / (1 + b) + 1 / D_gelu)
kappa_0 = (sp.pi - sp.acos(rho)) / sp.pi
kappa_1 = (sp.sqrt(1 - rho**2) + rho * (sp.pi - sp.acos(rho))) / sp.pi


covariance = sp.Matrix([[a, c], [c, b]])


def polynomial(*coefficients):
    """The dual of `sum_m coefficients[m] z^m` as a sum over Hermite orders."""
    n = len(coefficients)

    def weight(j, variance):
        terms = (
            sp.factorial(j + 2 * k)
            / (2**k * sp.factorial(k))
            * coefficients[j + 2 * k]
            * variance**k
            for k in range((n - 1 - j) // 2 + 1)
        )
        return sp.Add(*terms) / sp.sqrt(sp.factorial(j))

    return sp.Add(*(weight(j, a) * weight(j, b) * c**j for j in range(n)))


def density(variances):
    """Of normal variables of these variances and covariance, at `(x, y)`."""
    at = sp.Matrix([x, y])
    exponent = sp.cancel((at.T * variances.inv() * at)[0] / 2)
    return sp.exp(-exponent) / (2 * sp.pi * sp.sqrt(variances.det()))


def moment(m, n, variances=covariance):
    """`<u^m v^n>`, from `<exp(pu + rv)> = exp((a p^2 + 2c pr + b r^2) / 2)`."""
    if (m + n) % 2:
        return sp.S.Zero
    p, r = sp.symbols("p r")
    direction = sp.Matrix([p, r])
    order = (m + n) // 2
    series = ((direction.T * variances * direction)[0] / 2) ** order / sp.factorial(order)
    coefficient = sp.Poly(sp.expand(series), p, r).coeff_monomial(p**m * r**n)
    return sp.factorial(m) * sp.factorial(n) * coefficient


def mean_of(function, variance):
    """`<function(u)>` of one normal variable, integrated."""
    weight = sp.exp(-(z**2) / (2 * variance)) / sp.sqrt(2 * sp.pi * variance)
    return sp.simplify(sp.integrate(function(z) * weight, (z, -sp.oo, sp.oo)))


def damped(decay):
    """`exp(-decay (u^2 + v^2))` turns the density into one of other variances, times a factor."""
    other = (covariance.inv() + 2 * decay * sp.eye(2)).inv().applyfunc(sp.cancel)
    factor = 1 / sp.sqrt(sp.expand((sp.eye(2) + 2 * decay * covariance).det()))
    return factor, other


def exponentials(p, r):
    """`<exp(pu + rv)>` for real or complex `p` and `r`."""
    return sp.exp((a * p**2 + 2 * c * p * r + b * r**2) / 2)


def follows_from_its_derivative(value, derivative, value_of_independent):
    vanishes(sp.diff(value, c) - derivative)
    vanishes(value.subs(c, 0) - value_of_independent)


def prove_prices_theorem():
    p = density(covariance)
    vanishes((sp.diff(p, c) - sp.diff(p, x, y)) / p)


def prove_the_generating_function_of_normal_variables():
    # Completing the square moves the mean of the normal law to covariance (p, r).
    p, r = sp.symbols("p r")
    shift = covariance * sp.Matrix([p, r])
    still = density(covariance)
    moved = still.subs({x: x - shift[0], y: y - shift[1]}, simultaneous=True)
    rest = (a * p**2 + 2 * c * p * r + b * r**2) / 2
    vanishes(_exponent(still) + p * x + r * y - _exponent(moved) - rest)
    vanishes(exponentials(p, r) - sp.exp(rest))


def _exponent(p):
    (power,) = p.atoms(sp.exp)
    return power.args[0]


def prove_a_gaussian_factor_changes_the_variances():
    factor, other = damped(mu)
    p, q = density(covariance), density(other)
    vanishes(_exponent(p) - mu * (x**2 + y**2) - _exponent(q))
    vanishes(factor**2 * covariance.det() - other.det())


def prove_signs_have_an_arcsine():
    # sign'' = 2 delta: <sign(u) sign(v)> grows by four times the density at the origin.
    signs = 2 / sp.pi * sp.asin(c / sp.sqrt(a * b))
    at_origin = density(covariance).subs({x: 0, y: 0})
    follows_from_its_derivative(signs, 4 * at_origin, 0)
    vanishes(slopes_derivative - mean**2 - half**2 * signs)  # phi' = mean + half sign


def prove_slopes():
    above = sp.integrate(z * sp.exp(-(z**2) / (2 * a)) / sp.sqrt(2 * sp.pi * a), (z, 0, sp.oo))
    mean_value = (gamma - alpha) * above
    follows_from_its_derivative(slopes, slopes_derivative, mean_value * mean_value.subs(a, b))


def prove_slopes_are_arc_cosine_kernels():
    at = {c: sp.sqrt(a * b) * rho}
    difference = kappa_0.subs(sp.acos(rho), sp.pi / 2 - sp.asin(rho))
    vanishes((slopes_derivative - mean**2).subs(at) - half**2 * (2 * difference - 1))
    ramp = kappa_1.subs(sp.acos(rho), sp.pi / 2 - sp.asin(rho))
    root = sp.sqrt(a * b)
    expected = root * (mean**2 * rho + half**2 * (2 * ramp - rho))
    vanishes(sp.powdenest(sp.factor(slopes.subs(at) - expected), force=True))


def prove_the_arc_cosine_kernels_are_a_chain():
    vanishes(sp.diff(kappa_1, rho) - kappa_0)
    vanishes(sp.diff(kappa_0, rho) - 1 / (sp.pi * sp.sqrt(1 - rho**2)))
    for kernel in (kappa_0, kappa_1):
        vanishes(kernel.subs(rho, 1) - 1)
        vanishes(kernel.subs(rho, -1))


def prove_the_cusp_of_kappa_0():
    # 1 - kappa_0 = theta / pi, and theta ~ sqrt(2 (1 - rho)).
    vanishes((1 - kappa_0).subs(sp.acos(rho), theta) - theta / sp.pi)
    vanishes(sp.limit(theta / sp.sqrt(2 * (1 - sp.cos(theta))), theta, 0, "+") - 1)


def prove_the_gap_of_slopes():
    # Eq. (2) of `slopes`: the gap of 2 kappa_1 - rho at rho = cos x, for x below pi/2.
    g = (1 - sp.cos(theta)) - 2 / sp.pi * (sp.sin(theta) - theta * sp.cos(theta))
    ramp = (sp.sin(theta) + sp.cos(theta) * (sp.pi - theta)) / sp.pi
    vanishes(1 - (2 * ramp - sp.cos(theta)) - g)


def prove_moments_of_slopes():
    square = (alpha**2 + gamma**2) / 2
    at_one = {b: a, c: a}
    vanishes(slopes.subs(at_one) - square * a)
    vanishes(slopes_derivative.subs(at_one) - square)


def prove_erf():
    # phi' = 2 / sqrt(pi) exp(-z^2); phi is odd.
    vanishes(sp.diff(sp.erf(z), z) - 2 / sp.sqrt(sp.pi) * sp.exp(-(z**2)))
    factor, _ = damped(1)
    vanishes(erf_derivative - 4 / sp.pi * factor)
    follows_from_its_derivative(erf, erf_derivative, 0)


def prove_exponential():
    vanishes(exponential - exponentials(mu, mu))
    vanishes(sp.diff(exponential, c) - exponential_derivative)


def prove_gaussian():
    factor, other = damped(mu)
    vanishes(gaussian - factor)
    vanishes(gaussian_derivative - 4 * mu**2 * factor * other[0, 1])  # phi' = -2 mu z phi
    vanishes(sp.diff(gaussian, c) - gaussian_derivative)


def prove_waves():
    signs = [(p, r) for p in (1, -1) for r in (1, -1)]
    terms = {
        (p, r): sp.exp(sp.I * omega * (p + r)) * exponentials(sp.I * w * p, sp.I * w * r)
        for p, r in signs
    }
    sines = sp.Add(*(p * r * terms[p, r] / (2 * sp.I) ** 2 for p, r in signs))
    cosines = sp.Add(*(w**2 * terms[p, r] / 4 for p, r in signs))
    for closed, summed in ((wave, sines), (wave_derivative, cosines)):
        vanishes(((closed - summed) / damping).rewrite(sp.exp))
    vanishes(sp.diff(wave, c) - wave_derivative)


def prove_gelu():
    # phi'' = (2 - z^2) n(z), with the normal density n.
    bell = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    phi = z * (1 + sp.erf(z / sp.sqrt(2))) / 2
    vanishes(sp.diff(phi, z, 2) - (2 - z**2) * bell)
    factor, other = damped(sp.Rational(1, 2))
    m = lambda i, j: moment(i, j, other)
    bends = factor / (2 * sp.pi) * (4 - 2 * m(2, 0) - 2 * m(0, 2) + m(2, 2))
    vanishes(sp.cancel(sp.together((sp.diff(gelu_derivative, c) - bends) / q_gelu)))
    # phi' - 1/2 is odd, and <u Phi(u)> = a <n(u)> by Stein's lemma.
    vanishes(gelu_derivative.subs(c, 0) - sp.Rational(1, 4))
    value = a * mean_of(lambda u: bell.subs(z, u), a)
    residual = (sp.diff(gelu, c) - gelu_derivative) / q_gelu
    vanishes(sp.cancel(sp.together(residual)))
    vanishes(gelu.subs(c, 0) - value * value.subs(a, b))


def prove_gelu_is_symmetric():
    swapped = gelu.subs({a: b, b: a}, simultaneous=True)
    vanishes(sp.cancel(sp.together((gelu - swapped) / q_gelu)))


def prove_polynomials():
    coefficients = sp.symbols("p0:6", real=True)
    terms = list(enumerate(coefficients))
    direct = sp.Add(*(f * g * moment(m, n) for m, f in terms for n, g in terms))
    dual = polynomial(*coefficients)
    vanishes(dual - direct)
    slopes_ = [(m - 1, m * f) for m, f in terms if m]
    of_slopes = sp.Add(*(f * g * moment(m, n) for m, f in slopes_ for n, g in slopes_))
    vanishes(sp.diff(dual, c) - of_slopes)


def hermite(j):
    """`h_j`, by the recurrence."""
    previous, current = sp.S.Zero, sp.S.One
    for i in range(j):
        previous, current = (
            current,
            sp.expand((z * current - sp.sqrt(i) * previous) / sp.sqrt(i + 1)),
        )
    return current


def average_of_polynomial(polynomial_):
    """Over a standard normal variable: `<z^n> = (n-1)!!`."""
    terms = sp.Poly(polynomial_, z).terms()
    return sp.Add(*(f * sp.factorial2(n - 1) for (n,), f in terms if n % 2 == 0))


def prove_hermite_polynomials_are_orthonormal():
    for j in range(7):
        for k in range(j + 1):
            product = sp.expand(hermite(j) * hermite(k))
            vanishes(average_of_polynomial(product) - int(j == k))


def prove_powers_as_hermite_series():
    for n in (3, 4, 7):
        series = sum(
            sp.factorial(n)
            / (2**m * sp.factorial(m) * sp.factorial(n - 2 * m))
            * sp.sqrt(sp.factorial(n - 2 * m))
            * hermite(n - 2 * m)
            for m in range(n // 2 + 1)
        )
        vanishes(z**n - series)


def prove_mehler_and_parseval_of_polynomials():
    phi = sp.Add(*(f * z**m for m, f in enumerate(sp.symbols("p0:6", real=True))))
    at = lambda j, deviation: average_of_polynomial(
        sp.expand(phi.subs(z, deviation * z) * hermite(j))
    )
    dual = polynomial(*sp.symbols("p0:6", real=True))
    left, right = sp.symbols("s_left s_right", positive=True)
    series = sum(at(j, left) * at(j, right) * rho**j for j in range(6))
    vanishes(series - dual.subs({a: left**2, b: right**2, c: rho * left * right}))
    square = average_of_polynomial(sp.expand(phi**2))
    vanishes(sum(at(j, 1) ** 2 for j in range(6)) - square)


def prove_dilation():
    # (su, sv) has the covariance s^2 times that of (u, v); the slope of phi(su) is s phi'(su).
    wide = density(s**2 * covariance).subs({x: s * x, y: s * y}, simultaneous=True)
    vanishes(sp.cancel(_exponent(wide) - _exponent(density(covariance))))
    vanishes((s**2 * covariance).det() - s**4 * covariance.det())
    dual = sp.Function("dual")
    dilated = dual(s**2 * a, s**2 * c, s**2 * b).subs({a: 1, b: 1})
    slope = sp.diff(dual(s**2, c, s**2), c).subs(c, s**2 * c).doit()
    vanishes(sp.diff(dilated, c).doit() - s**2 * slope)
