//! The queue of jobs that wait for a thread, and the choice of the next destination.
//!
//! # Invariants
//! - Each destination may hold at most half of the threads that the others leave it, a lone
//!   destination too: what hangs now may be there long before anything else comes.
//! - So the first destination that hangs holds half, the next a quarter, and a destination that
//!   answers always finds a thread, until the last of them is taken.
//! - When all are taken and nothing has ended for [`SILENT`], each destination that holds no thread
//!   gets one more, up to [`MOST`] in all: so however many hang, the next destination is tried.
//! - A pool of one thread stays one.
//! - Among the jobs that may start, the first that came does.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use slipstream_core::{Attempt, Destination, Ticket};

/// When nothing has ended for so long, the jobs that run are taken to hang.
const SILENT: Duration = Duration::from_millis(250);

/// Most threads of a pool.
const MOST: usize = 1_600;

/// A request to perform.
pub(super) struct Task<R> {
    pub(super) ticket: Ticket,
    pub(super) attempt: Attempt,
    pub(super) destination: Destination,
    pub(super) request: R,
    /// Whether a group did not come to it, so that it goes alone: what is slow is sooner done by many
    /// threads than by one after the other.
    pub(super) alone: bool,
}

/// What waits, and how many threads each destination holds.
pub(super) struct Queue<R> {
    pub(super) threads: usize,
    pub(super) closed: bool,
    tasks: VecDeque<Task<R>>,
    held: HashMap<Destination, usize>,
    busy: usize,
    /// Threads that were started.
    pub(super) started: usize,
    /// When a thread became free last, or there was one.
    heard: Instant,
}

impl<R> Queue<R> {
    pub(super) fn new(threads: usize) -> Self {
        Self {
            threads,
            closed: false,
            tasks: VecDeque::new(),
            held: HashMap::new(),
            busy: 0,
            started: 0,
            heard: Instant::now(),
        }
    }

    /// Adds a task. Whether a thread more is of use to it.
    pub(super) fn add(&mut self, task: Task<R>) -> bool {
        let may_start = self.may_start(&task.destination);
        let waiting = self.tasks.len() + 1;
        self.tasks.push_back(task);
        let regular = may_start && self.started < self.threads.min(self.busy + waiting);
        regular || self.needs_another()
    }

    /// Whether a destination that holds no thread waits for one, and no thread waits for it.
    pub(super) fn needs_another(&self) -> bool {
        self.started <= self.busy && self.started < MOST && self.newcomer().is_some()
    }

    /// The first task for a destination that holds no thread, if there may be more threads.
    fn newcomer(&self) -> Option<usize> {
        if self.threads == 1 {
            return None;
        }
        self.tasks.iter().position(|task| !self.held.contains_key(&task.destination))
    }

    /// After which time a task can be taken though nothing ends.
    pub(super) fn patience(&self, now: Instant) -> Option<Duration> {
        self.newcomer()?;
        Some((self.heard + SILENT).saturating_duration_since(now))
    }

    /// Tasks for one thread: up to so many for one destination that may be performed together with
    /// the first, in the order they came.
    pub(super) fn take(
        &mut self,
        max_batch: usize,
        together: impl Fn(&R, &R) -> bool,
        now: Instant,
    ) -> Option<(Destination, Vec<Task<R>>)> {
        if self.busy < self.threads {
            self.heard = now;
        }
        let regular = self.tasks.iter().position(|task| self.may_start(&task.destination));
        let hang = self.busy >= self.threads && now >= self.heard + SILENT;
        let mut at = regular.or_else(|| self.newcomer().filter(|_| hang))?;
        let mut taken: Vec<_> = self.tasks.remove(at).into_iter().collect();
        let destination = taken.first()?.destination.clone();
        while at < self.tasks.len() && taken.len() < max_batch {
            let task = &self.tasks[at];
            let fits = !taken[0].alone && !task.alone && task.destination == destination;
            if fits && together(&taken[0].request, &task.request) {
                taken.extend(self.tasks.remove(at));
            } else {
                at += 1;
            }
        }
        *self.held.entry(destination.clone()).or_default() += 1;
        self.busy += 1;
        Some((destination, taken))
    }

    /// A thread is done with what it took, but for these, which it did not come to.
    pub(super) fn leave(
        &mut self,
        destination: &Destination,
        left: impl DoubleEndedIterator<Item = Task<R>>,
        now: Instant,
    ) {
        self.heard = now;
        left.rev().for_each(|task| self.tasks.push_front(Task { alone: true, ..task }));
        self.busy -= 1;
        if let Some(held) = self.held.get_mut(destination) {
            *held -= 1;
            if *held == 0 {
                self.held.remove(destination);
            }
        }
    }

    /// Everything that waits.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = Task<R>> {
        self.tasks.drain(..)
    }

    fn may_start(&self, destination: &Destination) -> bool {
        let held = self.held.get(destination).copied().unwrap_or_default();
        let free = self.threads.saturating_sub(self.busy);
        free > 0 && held < (free + held).div_ceil(2)
    }
}

#[cfg(test)]
mod tests {
    use slipstream_core::RecordId;

    use super::*;

    fn add(queue: &mut Queue<u64>, to: &str, number: u64) -> bool {
        let attempt = Attempt::new(RecordId::from_bytes([7; 16]), 1);
        let destination = Destination::new(to);
        queue.add(Task {
            ticket: Ticket(number),
            attempt,
            destination,
            request: number,
            alone: false,
        })
    }

    fn taken(queue: &mut Queue<u64>, max_batch: usize) -> Option<(String, Vec<u64>)> {
        // The tasks of the same hundred are taken together, and no others.
        let (to, tasks) = queue.take(max_batch, |a, b| a / 100 == b / 100, Instant::now())?;
        Some((to.as_str().to_owned(), tasks.iter().map(|task| task.request).collect()))
    }

    #[test]
    fn a_lone_destination_leaves_half_to_late_ones() {
        let mut queue = Queue::new(4);
        for number in 0..9 {
            assert!(add(&mut queue, "a", number));
        }
        for number in 0..2 {
            assert_eq!(taken(&mut queue, 1), Some(("a".to_owned(), vec![number])));
        }
        assert_eq!(taken(&mut queue, 1), None);
        assert!(!add(&mut queue, "a", 9), "it would have a thread started for nothing");
        assert!(add(&mut queue, "b", 10));
        assert_eq!(taken(&mut queue, 1), Some(("b".to_owned(), vec![10])));
        assert_eq!(taken(&mut queue, 1), None);
        queue.leave(&Destination::new("a"), std::iter::empty(), Instant::now());
        assert_eq!(taken(&mut queue, 1), Some(("a".to_owned(), vec![2])));
    }

    #[test]
    fn a_thread_that_is_alone_serves_all_in_turn() {
        let mut queue = Queue::new(1);
        for (number, to) in ["a", "b", "a"].into_iter().enumerate() {
            add(&mut queue, to, number as u64);
        }
        for (number, to) in ["a", "b", "a"].into_iter().enumerate() {
            assert_eq!(taken(&mut queue, 1), Some((to.to_owned(), vec![number as u64])));
            assert_eq!(taken(&mut queue, 1), None);
            queue.leave(&Destination::new(to), std::iter::empty(), Instant::now());
        }
    }

    #[test]
    fn those_that_hang_leave_a_thread_for_the_next() {
        let mut queue = Queue::new(8);
        for (number, to) in ["a", "b", "c", "d"].iter().enumerate() {
            (0..20).for_each(|_| assert!(add(&mut queue, to, number as u64)));
        }
        let mut held = HashMap::<String, usize>::new();
        while let Some((to, _)) = taken(&mut queue, 1) {
            *held.entry(to).or_default() += 1;
        }
        assert_eq!(["a", "b", "c", "d"].map(|to| held[to]), [4, 2, 1, 1]);
    }

    #[test]
    fn what_goes_to_one_destination_is_taken_together() {
        let mut queue = Queue::new(4);
        for (number, to) in ["a", "b", "a", "b", "a", "a"].iter().enumerate() {
            add(&mut queue, to, number as u64);
        }
        assert_eq!(taken(&mut queue, 3), Some(("a".to_owned(), vec![0, 2, 4])));
        assert_eq!(taken(&mut queue, 3), Some(("b".to_owned(), vec![1, 3])));
        assert_eq!(taken(&mut queue, 3), Some(("a".to_owned(), vec![5])));
        assert_eq!(taken(&mut queue, 3), None);
    }

    #[test]
    fn what_may_not_be_performed_together_is_taken_alone() {
        let mut queue = Queue::new(6);
        for number in [0, 100, 1, 200, 2] {
            add(&mut queue, "a", number);
        }
        for numbers in [vec![0, 1, 2], vec![100], vec![200]] {
            assert_eq!(taken(&mut queue, 9), Some(("a".to_owned(), numbers)));
        }
    }

    #[test]
    fn what_a_thread_did_not_come_to_is_first_again_and_goes_alone() {
        let mut queue = Queue::new(1);
        (0..4).for_each(|number| assert!(add(&mut queue, "a", number)));
        let (to, tasks) = queue.take(3, |_, _| true, Instant::now()).unwrap();
        queue.leave(&to, tasks.into_iter().skip(1), Instant::now());
        add(&mut queue, "a", 4);
        for numbers in [&[1][..], &[2], &[3, 4]] {
            assert_eq!(taken(&mut queue, 3), Some(("a".to_owned(), numbers.to_vec())));
            queue.leave(&to, std::iter::empty(), Instant::now());
        }
    }
}
