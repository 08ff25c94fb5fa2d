"""What a claim is and how evidence decides it. Knows no family."""

from theorylab.verify.claim import SCALES as SCALES
from theorylab.verify.claim import Claim as Claim
from theorylab.verify.claim import Outcome as Outcome
from theorylab.verify.claim import Source as Source
from theorylab.verify.criteria import Ascent as Ascent
from theorylab.verify.criteria import Bound as Bound
from theorylab.verify.criteria import Crossing as Crossing
from theorylab.verify.criteria import Exact as Exact
from theorylab.verify.criteria import Limit as Limit
from theorylab.verify.criteria import Mean as Mean
from theorylab.verify.criteria import Rate as Rate
from theorylab.verify.criteria import RivalOutcome as RivalOutcome
from theorylab.verify.criteria import Verdict as Verdict
