"""How evidence decides a claim: criteria, and the verdicts they reach.

A criterion is a pure function of the ordered replicates: stored evidence can be judged again.
"""

from theorylab.verify.criteria.bound import Ascent as Ascent
from theorylab.verify.criteria.bound import Bound as Bound
from theorylab.verify.criteria.crossing import Crossing as Crossing
from theorylab.verify.criteria.exact import Exact as Exact
from theorylab.verify.criteria.limit import Limit as Limit
from theorylab.verify.criteria.mean import Mean as Mean
from theorylab.verify.criteria.rate import Rate as Rate
from theorylab.verify.criteria.verdict import EXIT_CODES as EXIT_CODES
from theorylab.verify.criteria.verdict import Criterion as Criterion
from theorylab.verify.criteria.verdict import Evidence as Evidence
from theorylab.verify.criteria.verdict import RivalOutcome as RivalOutcome
from theorylab.verify.criteria.verdict import Status as Status
from theorylab.verify.criteria.verdict import Verdict as Verdict
