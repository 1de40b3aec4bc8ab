package execute

import (
	"testing"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
)

func TestEachKindHasAnExecutor(t *testing.T) {
	t.Parallel()
	for _, kind := range intent.Kinds() {
		if executors[kind] == nil {
			t.Errorf("%s has no executor: say that it is not supported, or do it", kind)
		}
	}
	if len(executors) != len(intent.Kinds()) {
		t.Errorf("%d executors for the kinds %v", len(executors), intent.Kinds())
	}
}

func TestAPurchaseIsLeftToTheHandOff(t *testing.T) {
	t.Parallel()
	if err := Do(t.Context(), intent.Buy{}); err != nil {
		t.Error(err)
	}
}

func TestATransferWaitsUntilItsTransactionIsAskedFor(t *testing.T) {
	t.Parallel()
	if err := Do(t.Context(), intent.Transfer{Kind: intent.KindTransfer}); err != nil {
		t.Error(err)
	}
}

// stranger is of a kind without an executor.
type stranger struct{ intent.Buy }

func (stranger) Facts() governance.Facts { return governance.Facts{Kind: "stranger"} }

func TestAKindThatNothingCarriesOutIsNotSupported(t *testing.T) {
	t.Parallel()
	if err := Do(t.Context(), stranger{}); fault.CodeOf(err) != fault.NotSupported {
		t.Error(err)
	}
}
