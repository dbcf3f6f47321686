# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Makes garbage, and collects it itself ("asked") or lets it be collected. Prints how often that was,
# and the milliseconds that it waited, where it asked. First it gives time to be seen.
sleep 1.5
before = GC.count
asked = ARGV[0] == "asked"
GC.disable if asked
kept = Array.new(20000) { |i| [i, i.to_s] }
waited = 0.0
100.times do |round|
  6000.times { |i| [i, i.to_s, round] }
  next unless asked
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  GC.start
  waited += Process.clock_gettime(Process::CLOCK_MONOTONIC) - start
end
STDOUT.puts "#{GC.count - before} #{waited * 1000}"
