// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
//! deep SECONDS: 16 frames of Rust, one of them through a trait object, one a closure's caller.
use std::hint::black_box;
use std::time::{Duration, Instant};

#[inline(never)]
fn spin(mut x: u64) -> u64 {
    for _ in 0..20000 {
        x = black_box(x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407));
    }
    x
}

macro_rules! link {
    ($name:ident, $callee:ident, $bytes:expr) => {
        #[inline(never)]
        fn $name(x: u64) -> u64 {
            let mut local = [0u8; $bytes];
            black_box(&mut local)[x as usize % $bytes] = x as u8;
            let y = $callee(black_box(x + 1));
            black_box(y) ^ black_box(&local)[y as usize % $bytes] as u64
        }
    };
}

link!(f01, spin, 8);
link!(f02, f01, 40);
link!(f03, f02, 300);
link!(f04, f03, 4200);
link!(f05, f04, 16);
link!(f06, f05, 9000);
link!(f07, f06, 64);
link!(f08, f07, 8);
link!(f09, f08, 1000);
link!(f10, f09, 24);
link!(f11, f10, 128);
link!(f12, f11, 8);

trait Work {
    fn work(&self, x: u64) -> u64;
}

struct Worker(u64);

impl Work for Worker {
    #[inline(never)]
    fn work(&self, x: u64) -> u64 {
        let y = f12(x & 0xffff);
        black_box(y) ^ self.0
    }
}

#[inline(never)]
fn drive(workers: &[Box<dyn Work>], x: u64) -> u64 {
    let mut sum = x;
    for w in workers {
        sum ^= w.work(sum);
    }
    black_box(sum)
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(1.0);
    let workers: Vec<Box<dyn Work>> = black_box(vec![Box::new(Worker(1)), Box::new(Worker(2))]);
    println!(
        "chain: rust::spin rust::f01 rust::f02 rust::f03 rust::f04 rust::f05 rust::f06 rust::f07 \
         rust::f08 rust::f09 rust::f10 rust::f11 rust::f12 *::work rust::drive \
         rust::main"
    );
    println!("into: clock_gettime std::time::Instant::now std::time::Instant::elapsed *mem*");
    println!("ready");
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let mut x = 1;
    while Instant::now() < end {
        for _ in 0..100 {
            x = drive(&workers, x);
        }
    }
    black_box(x);
}
