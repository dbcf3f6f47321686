# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Makes garbage, and collects it itself ("asked") or lets it be collected, "in steps" beside a large
# old heap. Prints how often that was, the milliseconds that it waited, where it asked; and how often it
# was from the program's begin on, and the milliseconds of CPU time, which Ruby counts from 3.1 on.
# First it gives time to be seen.
sleep 1.5
before = GC.count
asked = ARGV[0] == "asked"
GC.disable if asked
kept = Array.new(ARGV[0] == "in steps" ? 400_000 : 20000) { |i| [i, i.to_s] }
waited = 0.0
100.times do |round|
  6000.times { |i| [i, i.to_s, round] }
  if ARGV[0] == "in steps"
    16000.times { |i| kept[(round * 16000 + i) % kept.size] = [i, i.to_s] }
  end
  next unless asked
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  GC.start
  waited += Process.clock_gettime(Process::CLOCK_MONOTONIC) - start
end
all = GC.respond_to?(:total_time) ? GC.total_time / 1e6 : 0.0
STDOUT.puts "#{GC.count - before} #{waited * 1000} #{GC.count} #{all}"
STDOUT.flush
# What isn't done yet would be, as it ends.
exit!(true)
