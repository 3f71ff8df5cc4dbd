//! Buffers of the device, used again. Making one is slow, and in the browser
//! dropping one frees nothing before the garbage collector runs.

use super::Result;
use super::faults::Faults;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Free buffers are kept up to this many bytes, then the longest unused are destroyed.
const KEEP_FREE: u64 = 512 << 20;

/// A smaller buffer than this is not worth telling apart.
const SMALLEST: u64 = 256;

/// The same of staging buffers, of which there are one or two.
const SMALLEST_STAGING: u64 = 64 << 10;

/// A spare buffer may be so many times as large as what it is taken for.
const SLACK: u64 = 4;

/// Where buffers come from.
#[derive(Clone)]
pub(super) struct Pool(Rc<Inner>);

struct Inner {
    device: wgpu::Device,
    faults: Faults,
    /// No buffer is larger: what can be bound at once.
    largest: u64,
    free: RefCell<Free>,
    /// Whether commands are recorded that the queue has not been given. A buffer
    /// that such a command uses must not be destroyed.
    recording: Cell<bool>,
    counts: Cell<Counts>,
    /// No buffer of [`Kind::Result`] is smaller.
    even: Cell<u64>,
}

#[derive(Default)]
struct Free {
    /// By usage and size, the last given back last.
    buffers: BTreeMap<(Kind, u64), Vec<Spare>>,
    bytes: u64,
    /// To be destroyed once nothing recorded can use them.
    doomed: Vec<wgpu::Buffer>,
}

struct Spare {
    buffer: wgpu::Buffer,
    id: u64,
    since: u64,
}

#[derive(Clone, Copy, Default)]
struct Counts {
    made: u64,
    made_bytes: u64,
    returned: u64,
    /// Goes up when buffers made so far may be faulty.
    generation: u64,
}

/// What a buffer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Bound by kernels, and soon given back: see [`Pool::even_out`].
    Result,
    /// Bound by kernels, and held for long: weights, and what is kept of runs.
    Lasting,
    /// Mapped to be read.
    Staging,
}

/// A buffer of the device, given back when dropped.
pub(super) struct Held {
    pub buffer: wgpu::Buffer,
    /// Different for every buffer ever made.
    pub id: u64,
    pool: Pool,
    kind: Kind,
    size: u64,
    /// `None`: destroyed when dropped.
    generation: Option<u64>,
}

impl Pool {
    pub fn new(device: wgpu::Device, faults: Faults, largest: u64) -> Self {
        Self(Rc::new(Inner {
            device,
            faults,
            largest,
            free: RefCell::default(),
            recording: Cell::new(false),
            counts: Cell::default(),
            even: Cell::new(SMALLEST),
        }))
    }

    /// Makes buffers for results of up to so many bytes all of that size from now
    /// on, so that each does for any of them: the chunks of a sweep differ in their
    /// rows, and none after the first should have to make a buffer.
    pub fn even_out(&self, bytes: u64) {
        let even = size_class(bytes.min(self.0.largest));
        self.0.even.set(self.0.even.get().max(even));
    }

    /// A buffer of at least `bytes`, its contents whatever they were.
    pub fn take(&self, kind: Kind, bytes: u64) -> Result<Rc<Held>> {
        let least = match kind {
            Kind::Result => self.0.even.get(),
            Kind::Lasting => SMALLEST,
            Kind::Staging => SMALLEST_STAGING,
        };
        let size = self.fit(size_class(bytes.max(least)), bytes)?;
        let generation = Some(self.0.counts.get().generation);
        let spare = self.0.free.borrow_mut().take(kind, size);
        Ok(match spare {
            Some((size, spare)) => self.hold(spare.buffer, spare.id, kind, size, generation),
            None => self.make(kind, size, generation),
        })
    }

    /// A new buffer of `bytes` that is not used again: for weights, which come once.
    pub fn take_new(&self, bytes: u64) -> Result<Rc<Held>> {
        let size = self.fit(bytes.next_multiple_of(4).max(SMALLEST), bytes)?;
        Ok(self.make(Kind::Lasting, size, None))
    }

    fn fit(&self, size: u64, bytes: u64) -> Result<u64> {
        self.0.faults.check_lost()?;
        match bytes > self.0.largest {
            true => Err(super::BackendError::OutOfMemory { bytes }),
            false => Ok(size.min(self.0.largest)),
        }
    }

    fn make(&self, kind: Kind, size: u64, generation: Option<u64>) -> Rc<Held> {
        use wgpu::BufferUsages as Use;
        let buffer = self.0.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size,
            usage: match kind {
                Kind::Result | Kind::Lasting => Use::STORAGE | Use::COPY_DST | Use::COPY_SRC,
                Kind::Staging => Use::MAP_READ | Use::COPY_DST,
            },
            mapped_at_creation: false,
        });
        let mut counts = self.0.counts.get();
        counts.made += 1;
        counts.made_bytes += size;
        self.0.counts.set(counts);
        self.hold(buffer, counts.made, kind, size, generation)
    }

    fn hold(
        &self,
        buffer: wgpu::Buffer,
        id: u64,
        kind: Kind,
        size: u64,
        generation: Option<u64>,
    ) -> Rc<Held> {
        Rc::new(Held {
            buffer,
            id,
            pool: self.clone(),
            kind,
            size,
            generation,
        })
    }

    /// Buffers made so far, and their bytes.
    pub fn made(&self) -> (u64, u64) {
        let counts = self.0.counts.get();
        (counts.made, counts.made_bytes)
    }

    pub fn recording(&self) -> bool {
        self.0.recording.get()
    }

    /// Says that commands are being recorded.
    pub fn begin(&self) {
        self.0.recording.set(true);
    }

    /// Says that the queue has all that was recorded. Whether buffers were
    /// destroyed, so that nothing should hold on to them.
    pub fn submitted(&self) -> bool {
        self.0.recording.set(false);
        let mut free = self.0.free.borrow_mut();
        while free.bytes > KEEP_FREE {
            // The first of each size is the one that lies longest.
            let oldest = free
                .buffers
                .iter()
                .filter_map(|(key, spares)| Some((spares.first()?.since, *key)));
            let Some((_, key)) = oldest.min() else { break };
            if let Some(spares) = free.buffers.get_mut(&key) {
                let spare = spares.remove(0);
                free.bytes -= key.1;
                free.doomed.push(spare.buffer);
            }
        }
        let any = !free.doomed.is_empty();
        free.doomed.drain(..).for_each(|b| b.destroy());
        any
    }

    /// Forgets every buffer that is free, and those in use once they are given
    /// back: after a fault some of them may not really exist.
    pub fn distrust(&self) {
        let mut counts = self.0.counts.get();
        counts.generation += 1;
        self.0.counts.set(counts);
        let mut free = self.0.free.borrow_mut();
        let buffers = std::mem::take(&mut free.buffers);
        free.bytes = 0;
        free.doomed
            .extend(buffers.into_values().flatten().map(|s| s.buffer));
    }

    fn give_back(&self, held: &mut Held) {
        let mut counts = self.0.counts.get();
        counts.returned += 1;
        self.0.counts.set(counts);
        let mut free = self.0.free.borrow_mut();
        let buffer = held.buffer.clone();
        if held.generation == Some(counts.generation) {
            free.bytes += held.size;
            let spares = free.buffers.entry((held.kind, held.size)).or_default();
            let (id, since) = (held.id, counts.returned);
            spares.push(Spare { buffer, id, since });
        } else if self.recording() {
            free.doomed.push(buffer);
        } else {
            buffer.destroy();
        }
    }
}

impl Free {
    /// The smallest spare buffer of at least `size` bytes that is not far too large.
    fn take(&mut self, kind: Kind, size: u64) -> Option<(u64, Spare)> {
        let fitting = (kind, size)..=(kind, size.saturating_mul(SLACK));
        let mut sizes = self.buffers.range_mut(fitting);
        let (size, spare) = sizes.find_map(|((_, size), spares)| Some((*size, spares.pop()?)))?;
        self.bytes -= size;
        Some((size, spare))
    }
}

impl Held {
    /// Marks the buffer as not to be used again: it is destroyed when dropped.
    pub fn spoil(self: &mut Rc<Self>) {
        if let Some(held) = Rc::get_mut(self) {
            held.generation = None;
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.pool.clone().give_back(self);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Neither the backend nor a tensor is left: frees every buffer at once.
        self.device.destroy();
    }
}

/// Sizes in steps of a quarter of a power of two: at most a fifth is left over.
fn size_class(bytes: u64) -> u64 {
    let bytes = bytes.max(SMALLEST);
    let step = (1 << (bytes.ilog2() - 2)).max(4);
    bytes.next_multiple_of(step)
}
