//! madsim hosts the world: this is the only product file that names it.
//!
//! madsim provides: a seeded runtime whose supervisor task drives the world, each node of the world as a madsim node
//! (killed by `Handle::kill`, whose `reset_node` is the world's crash; booted by its init task), async **stories** as
//! tasks, and interception of stray clocks and entropy. It decides nothing inside the world: hosted and bare runs give
//! the same digest. Without `--cfg madsim`, only [`NAME`] is left.
//!
//! Rules: no borrow of the thread-local host is held across an `.await` or a call of `Handle`; the cause of a death is
//! in the World before `Visible::Kill` is returned; wakers are kept here, never in the World (a World must be `Clone`);
//! one ticket is woken at a time.

/// Which host `kraftsim` was built with.
pub const NAME: &str = if cfg!(madsim) { "madsim" } else { "bare" };

#[cfg(madsim)]
pub use hosted::{Story, Wait, drive_hosted, wait_for, wait_until, with_run};

#[cfg(madsim)]
mod hosted {
    use std::any::Any;
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};
    use std::future::{Future, pending};
    use std::pin::Pin;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex, PoisonError};
    use std::task::{Context, Poll, Wake, Waker};
    use std::time::Duration;

    use madsim::plugin::Simulator;
    use madsim::rand::GlobalRng;
    use madsim::runtime::{Handle, Runtime};
    use madsim::task::{JoinHandle, NodeId, yield_now};
    use madsim::time::TimeHandle;

    use crate::drive::panics::catch;
    use crate::drive::{Ended, Run, Sentinel};
    use crate::process::{Node, Process};
    use crate::watch::Watch;
    use crate::world::{Condition, TicketId, Visible};

    /// A hand-written scenario: an async task that waits for world time and observations.
    pub type Story = Pin<Box<dyn Future<Output = ()>>>;

    /// A story that yields more often than this without waiting is spinning.
    const MAX_YIELDS: u32 = 10_000;

    /// The world with its types erased: one dynamic call per visible item, none per event.
    trait Driven: Any {
        fn run_until(&mut self, end: u64) -> Visible;
        fn crash(&mut self, node: Node);
        fn boot(&mut self, node: Node);
        fn is_up(&self, node: Node) -> bool;
        fn lifecycle_is_due(&self) -> bool;
        fn now(&self) -> u64;
        fn name(&self, node: Node) -> String;
        fn withdraw(&mut self, ticket: TicketId);
        fn as_any(&mut self) -> &mut dyn Any;
        fn into_any(self: Box<Self>) -> Box<dyn Any>;
    }

    impl<P: Process, W: Watch<P> + 'static> Driven for Run<P, W> {
        fn run_until(&mut self, end: u64) -> Visible {
            self.world.run_until(&mut self.watch, end)
        }
        fn crash(&mut self, node: Node) {
            self.world.crash(&mut self.watch, node);
        }
        fn boot(&mut self, node: Node) {
            self.world.boot(&mut self.watch, node);
        }
        fn is_up(&self, node: Node) -> bool {
            self.world.process(node).is_some()
        }
        fn lifecycle_is_due(&self) -> bool {
            self.world.lifecycle_is_due()
        }
        fn now(&self) -> u64 {
            self.world.now()
        }
        fn name(&self, node: Node) -> String {
            self.world.name(node).to_owned()
        }
        fn withdraw(&mut self, ticket: TicketId) {
            self.world.withdraw(ticket);
        }
        fn as_any(&mut self) -> &mut dyn Any {
            self
        }
        fn into_any(self: Box<Self>) -> Box<dyn Any> {
            self
        }
    }

    struct Host {
        driven: Box<dyn Driven>,
        /// madsim's id of each world node, in world order; grows as nodes first boot.
        ids: BTreeMap<Node, NodeId>,
        wakers: BTreeMap<TicketId, Waker>,
        /// Tickets that are due and whose story has not been polled yet.
        woken: BTreeSet<TicketId>,
        /// The run has ended: kills during shutdown are no crashes of the world.
        over: bool,
    }

    thread_local! {
        static HOST: RefCell<Option<Host>> = const { RefCell::new(None) };
    }

    /// The only borrow of the host.
    fn with<T>(f: impl FnOnce(&mut Host) -> T) -> T {
        HOST.with_borrow_mut(|host| match host {
            Some(host) => f(host),
            None => panic!("no world is hosted on this thread"),
        })
    }

    /// For stories: gives access to the world and its observer, by their types.
    pub fn with_run<P: Process, W: Watch<P> + 'static, T>(f: impl FnOnce(&mut Run<P, W>) -> T) -> T {
        with(|host| match host.driven.as_any().downcast_mut::<Run<P, W>>() {
            Some(run) => f(run),
            None => panic!("the hosted world has other types than the story expects"),
        })
    }

    /// The registered simulator: a zero-sized handle to the thread's world.
    struct WorldSim;

    impl Simulator for WorldSim {
        fn new(_: &GlobalRng, _: &TimeHandle, _: &madsim::Config) -> Self {
            WorldSim
        }

        /// Called by `Handle::kill` with madsim's locks held: touches only the World.
        fn reset_node(&self, id: NodeId) {
            with(|host| {
                let node = host.ids.iter().find(|(_, known)| **known == id).map(|(node, _)| *node);
                if let Some(node) = node
                    && !host.over
                {
                    host.driven.crash(node);
                }
            });
        }
    }

    /// A wait for a ticket; dropping it withdraws the ticket.
    #[derive(Debug)]
    pub struct Wait {
        ticket: TicketId,
        done: bool,
    }

    impl Future for Wait {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let ticket = self.ticket;
            let due = with(|host| {
                let due = host.woken.remove(&ticket);
                if !due {
                    host.wakers.insert(ticket, context.waker().clone());
                }
                due
            });
            self.done = due;
            if due { Poll::Ready(()) } else { Poll::Pending }
        }
    }

    impl Drop for Wait {
        fn drop(&mut self) {
            if self.done {
                return;
            }
            HOST.with_borrow_mut(|host| {
                if let Some(host) = host {
                    host.wakers.remove(&self.ticket);
                    host.woken.remove(&self.ticket);
                    host.driven.withdraw(self.ticket);
                }
            });
        }
    }

    /// For stories: waits until a true time, ns.
    pub fn wait_until<P: Process, W: Watch<P> + 'static>(at: u64) -> Wait {
        Wait { ticket: with_run::<P, W, _>(|run| run.world.wait_until(at)), done: false }
    }

    /// For stories: waits for an observation, but no longer than until a true time, ns (`u64::MAX`: without limit). The
    /// wait begins now, not when it is first polled.
    pub fn wait_for<P: Process, W: Watch<P> + 'static>(
        condition: Condition<P>,
        until: u64,
    ) -> impl Future<Output = Option<(Node, P::Observation)>> {
        let ticket = with_run::<P, W, _>(|run| run.world.wait_for(condition, until));
        let wait = Wait { ticket, done: false };
        async move {
            wait.await;
            with_run::<P, W, _>(|run| run.world.take_seen(ticket))
        }
    }

    /// Tracks whether any story can still make progress.
    struct Restless {
        count: Arc<AtomicUsize>,
        scheduled: AtomicBool,
        outer: Mutex<Option<Waker>>,
    }

    impl Wake for Restless {
        fn wake(self: Arc<Self>) {
            if !self.scheduled.swap(true, Ordering::Relaxed) {
                self.count.fetch_add(1, Ordering::Relaxed);
            }
            if let Some(outer) = &*self.outer.lock().unwrap_or_else(PoisonError::into_inner) {
                outer.wake_by_ref();
            }
        }
    }

    /// A story with its own waker, so that the host knows when it is idle.
    struct TrackedStory {
        inner: Story,
        restless: Arc<Restless>,
    }

    impl TrackedStory {
        fn new(inner: Story, count: &Arc<AtomicUsize>) -> TrackedStory {
            count.fetch_add(1, Ordering::Relaxed);
            let restless = Restless { count: count.clone(), scheduled: AtomicBool::new(true), outer: Mutex::new(None) };
            TrackedStory { inner, restless: Arc::new(restless) }
        }
    }

    impl Future for TrackedStory {
        type Output = ();
        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let restless = self.restless.clone();
            *restless.outer.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
            if restless.scheduled.swap(false, Ordering::Relaxed) {
                restless.count.fetch_sub(1, Ordering::Relaxed);
            }
            let waker = Waker::from(restless);
            self.inner.as_mut().poll(&mut Context::from_waker(&waker))
        }
    }

    async fn until_quiet(count: &AtomicUsize) {
        let mut yields = 0;
        while count.load(Ordering::Relaxed) > 0 {
            yields += 1;
            assert!(yields < MAX_YIELDS, "a story spins: {yields} yields without coming to rest");
            yield_now().await;
        }
    }

    /// The lifecycle of a node in madsim: boots in the World, then waits to be killed. It must not return: madsim would
    /// mark the node dead without `reset_node`.
    async fn live(node: Node) {
        with(|host| host.driven.boot(node));
        pending::<()>().await;
    }

    async fn boot_node(handle: &Handle, node: Node) {
        let known = with(|host| host.ids.get(&node).copied());
        if let Some(id) = known {
            handle.restart(id);
        } else {
            let name = with(|host| host.driven.name(node));
            let built = handle.create_node().name(name).init(move || live(node)).build();
            with(|host| host.ids.insert(node, built.id()));
        }
        let mut yields = 0;
        while !with(|host| host.driven.is_up(node)) {
            yields += 1;
            assert!(yields < MAX_YIELDS, "node {} does not boot", node.0);
            yield_now().await;
        }
    }

    /// The main task.
    async fn drive(end: u64, stories: Vec<Story>, tasks: &RefCell<Vec<JoinHandle<()>>>) -> Ended {
        let (handle, time) = (Handle::current(), TimeHandle::current());
        let restless = Arc::new(AtomicUsize::new(0));
        let mut untold = Some(stories);
        loop {
            let visible = with(|host| host.driven.run_until(end));
            let now = Duration::from_nanos(with(|host| host.driven.now()));
            // madsim's clock gains 50-100 ns per poll and may be ahead.
            if let Some(behind) = now.checked_sub(time.elapsed()) {
                time.advance(behind);
            }
            match visible {
                Visible::Kill(node) => {
                    let id = with(|host| host.ids[&node]);
                    handle.kill(id);
                }
                Visible::Boot(node) => {
                    boot_node(&handle, node).await;
                    if with(|host| host.driven.lifecycle_is_due()) {
                        continue;
                    }
                    // Stories begin when every node has booted, as a recording of them does; each runs until it waits
                    // before the next is spawned, so madsim's random choice has no effect.
                    for story in untold.take().into_iter().flatten() {
                        let reported = TrackedStory::new(story, &restless);
                        tasks.borrow_mut().push(madsim::task::spawn_local(reported));
                        until_quiet(&restless).await;
                    }
                }
                Visible::Wake(ticket) => {
                    let waker = with(|host| {
                        host.woken.insert(ticket);
                        host.wakers.remove(&ticket)
                    });
                    if let Some(waker) = waker {
                        waker.wake();
                    }
                    until_quiet(&restless).await;
                }
                Visible::AfterEvent => return Ended::AfterEvent,
                Visible::Stopped => return Ended::Stopped,
                Visible::Runaway { time_stands_still } => return Ended::Runaway(time_stands_still),
                Visible::End => return Ended::End,
            }
        }
    }

    /// Drives a run to `end` inside a madsim runtime of its own, with its stories as tasks. Many runs may follow each
    /// other on one thread; a panic is the outcome of this run.
    pub fn drive_hosted<P: Process, W: Watch<P> + 'static>(
        run: Run<P, W>,
        end: u64,
        madsim_seed: u64,
        stories: Vec<Story>,
    ) -> (Run<P, W>, Ended, Sentinel) {
        HOST.with_borrow_mut(|host| {
            assert!(host.is_none(), "this thread hosts a world already");
            *host = Some(Host {
                driven: Box::new(run),
                ids: BTreeMap::new(),
                wakers: BTreeMap::new(),
                woken: BTreeSet::new(),
                over: false,
            });
        });
        let runtime = Runtime::with_seed_and_config(madsim_seed, madsim::Config::default());
        runtime.add_simulator::<WorldSim>();
        let tasks = RefCell::new(Vec::new());
        let ended = catch(|| runtime.block_on(drive(end, stories, &tasks))).unwrap_or_else(Ended::Panicked);
        let sentinel = runtime.block_on(async {
            let elapsed_ns = TimeHandle::current().elapsed().as_nanos() as u64;
            Sentinel { elapsed_ns, next_draw: madsim::rand::random() }
        });
        close(&runtime, tasks.into_inner());
        let Some(host) = HOST.take() else { panic!("the host is gone") };
        drop(host.wakers);
        let run = host.driven.into_any().downcast::<Run<P, W>>();
        let Ok(run) = run else { panic!("the hosted world has other types than it was given") };
        (*run, ended, sentinel)
    }

    /// Kills every node and ends every story: a task that is still waiting would leak the runtime.
    fn close(runtime: &Runtime, tasks: Vec<JoinHandle<()>>) {
        let ids = with(|host| {
            host.over = true;
            host.ids.values().copied().collect::<Vec<_>>()
        });
        runtime.block_on(async {
            let handle = Handle::current();
            for id in ids {
                handle.kill(id);
            }
            for task in tasks {
                task.abort();
                let _ = task.await;
            }
        });
    }
}
