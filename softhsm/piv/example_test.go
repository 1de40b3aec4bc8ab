package piv_test

import (
	"fmt"
	"log"

	"countersign/softhsm/piv"
)

// A card can be used without any reader: here it counts wrong PINs.
func ExampleCard_Transmit() {
	card, err := piv.New(piv.Config{PIN: "314159", Tries: 2})
	if err != nil {
		log.Fatal(err)
	}
	card.Transmit([]byte{0x00, 0xa4, 0x04, 0x00, 5, 0xa0, 0x00, 0x00, 0x03, 0x08, 0}) // SELECT
	verify := append([]byte{0x00, 0x20, 0x00, 0x80, 8}, "271828\xff\xff"...)
	for range 3 {
		fmt.Printf("%x, %d tries left\n", card.Transmit(verify), card.TriesLeft())
	}
	// Output:
	// 63c1, 1 tries left
	// 6983, 0 tries left
	// 6983, 0 tries left
}
