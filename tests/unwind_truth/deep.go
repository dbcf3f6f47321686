// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

// deep SECONDS: Go, which keeps frame pointers and has no unwind tables worth the name; on a
// goroutine's stack, one that grew.
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

var sink uint64

//go:noinline
func spin(x uint64) uint64 {
	for i := 0; i < 20000; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	return x
}

// Has a frame, since it calls.
//
//go:noinline
func framed(x uint64) uint64 {
	for i := 0; i < 20000; i++ {
		x = x*6364136223846793005 + 1442695040888963407
	}
	if x == 42 {
		x = spin(x)
	}
	return x + 1
}

//go:noinline
func f1(x uint64) uint64 {
	var local [64]byte
	local[x%64] = 1
	return framed(x+1) + spin(x+1) + uint64(local[(x+1)%64])
}

//go:noinline
func f2(x uint64) uint64 {
	var local [5000]byte
	local[x%5000] = 1
	return f1(x+1) + uint64(local[(x+1)%5000])
}

//go:noinline
func f3(x uint64) uint64 { return f2(x+1) + 1 }

//go:noinline
func f4(x uint64) uint64 { return f3(x+1) + 1 }

//go:noinline
func worker(end time.Time, done chan bool) {
	for time.Now().Before(end) {
		for i := 0; i < 100; i++ {
			sink = f4(sink)
		}
	}
	done <- true
}

func main() {
	seconds := 1.0
	if len(os.Args) > 1 {
		seconds, _ = strconv.ParseFloat(os.Args[1], 64)
	}
	fmt.Println("chain: main.spin main.f1 main.f2 main.f3 main.f4 main.worker main.main.func1")
	fmt.Println("chain: main.framed main.f1 main.f2 main.f3 main.f4 main.worker main.main.func1")
	// Without the caller of a function that has no frame: all that frame pointers can tell.
	fmt.Println("chain: main.spin main.f2 main.f3 main.f4 main.worker main.main.func1")
	fmt.Println("into: time.* runtime.*")
	fmt.Println("ready")
	done := make(chan bool)
	go worker(time.Now().Add(time.Duration(seconds*1e9)), done)
	<-done
}
