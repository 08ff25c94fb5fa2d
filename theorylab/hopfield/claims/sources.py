"""Where the claims about Hopfield networks were published."""

from theorylab.verify import Source

AGS_1985A = Source(
    "Amit, Gutfreund, Sompolinsky",
    1985,
    "Spin-glass models of neural networks",
    doi="10.1103/PhysRevA.32.1007",
)
AGS_1985B = Source(
    "Amit, Gutfreund, Sompolinsky",
    1985,
    "Storing infinite numbers of patterns in a spin-glass model of neural networks",
    doi="10.1103/PhysRevLett.55.1530",
)
AGS_1987 = Source(
    "Amit, Gutfreund, Sompolinsky",
    1987,
    "Statistical mechanics of neural networks near saturation",
    doi="10.1016/0003-4916(87)90092-3",
)
PERETTO_1984 = Source(
    "Peretto",
    1984,
    "Collective properties of neural networks: a statistical physics approach",
    doi="10.1007/BF00317939",
)
