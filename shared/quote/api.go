package quote

// Normalise puts an input in its canonical form (codes in their case, the
// amount without leading zeros or empty decimals) and lists what is wrong with
// it on its own, whatever the providers can do. With no problem the input is
// safe to send to a provider.
func Normalise(in Input) (Input, []Problem) { panic("todo") }

// Check says whether provider p can serve the normalised input; if not, the
// exclusion says why and what would change it.
func Check(p Provider, in Input) (Excluded, bool) { panic("todo") }

// Validate is what a form asks while somebody types: the problems of the input
// on its own and, when there are none, those that exclude every provider.
func Validate(providers []Provider, in Input) []Problem { panic("todo") }

// Fixes lists changes of one field that let more providers quote, the most
// helpful first: a nearer amount, another payment method.
func Fixes(providers []Provider, in Input) []Fix { panic("todo") }

// Rank orders rows best first (most crypto received; equal amounts share a
// rank and are in order of provider), marks the best and the outliers, and
// returns a new slice. It may be called again as rows arrive.
func Rank(rows []Row) []Row { panic("todo") }
