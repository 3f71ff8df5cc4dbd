//! The kernels' pipelines and bind groups: made when first used, or before, then kept.

use super::faulty::Faulty;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;

macro_rules! kernels {
    ($($name:ident, [$($file:literal),*], $inputs:literal, $outputs:literal;)*) => {
        /// A kernel: one `.wgsl` file of this folder, and those that it shares with others.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kernel { $($name),* }

        impl Kernel {
            /// Every kernel; one's number is its place here.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }

        const SOURCES: &[Source] = &[$(Source {
            name: stringify!($name),
            wgsl: concat!($(include_str!(concat!($file, ".wgsl")),)*),
            inputs: $inputs,
            outputs: $outputs,
        }),*];
    };
}

// Name, files, how many bindings are read, and how many after them are written.
kernels! {
    Gather, ["gather"], 2, 1;
    Join, ["join"], 3, 1;
    SumRows, ["sum_rows"], 3, 1;
    Scatter, ["scatter"], 2, 1;
    ScatterPair, ["scatter_pair"], 3, 2;
    Copy, ["copy"], 1, 1;
    Add, ["add"], 2, 1;
    Activate, ["activate", "activation"], 1, 1;
    LayerNorm, ["layer_norm"], 3, 1;
    Linear, ["linear", "weight_4", "then", "activation"], 4, 1;
    LinearAny, ["linear", "weight", "then", "activation"], 4, 1;
    LinearSome, ["linear_some", "parts", "x_4", "weight_4", "then", "activation"], 4, 1;
    LinearSomeAny, ["linear_some", "parts", "x", "weight", "then", "activation"], 4, 1;
    LinearFew, ["linear_few", "parts", "x_4", "weight_4", "then", "activation"], 4, 1;
    LinearFewAny, ["linear_few", "parts", "x", "weight", "then", "activation"], 4, 1;
    Unembed, ["unembed"], 2, 1;
    UnembedFew, ["unembed_few", "x_4", "wte_4"], 2, 1;
    UnembedFewAny, ["unembed_few", "x", "wte"], 2, 1;
    Attend, ["attend"], 6, 1;
    Pattern, ["pattern"], 4, 1;
    Mix, ["mix"], 4, 1;
    Edit, ["edit"], 2, 1;
    LogSumExp, ["log_sum_exp"], 1, 1;
    TopK, ["top_k"], 1, 1;
}

impl Kernel {
    /// Its name, as errors tell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        SOURCES[self as usize].name
    }

    /// Every way in which it can be made to compute wrongly.
    #[must_use]
    pub fn faults(self) -> Vec<Faulty> {
        Faulty::all(self, SOURCES[self as usize].wgsl)
    }

    #[cfg(any(test, debug_assertions))]
    pub(super) fn wgsl(self) -> &'static str {
        SOURCES[self as usize].wgsl
    }

    /// How many bindings are read, and how many after them are written.
    #[cfg(test)]
    pub(super) fn bindings(self) -> (usize, usize) {
        let source = &SOURCES[self as usize];
        (source.inputs, source.outputs)
    }

    /// The kernel of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.name() == name)
    }
}

/// What any model with GPT-2's sizes runs. The others are for weights that are not
/// aligned, and for patterns and activations that somebody looks at.
const USUAL: [Kernel; 17] = [
    Kernel::Gather,
    Kernel::Join,
    Kernel::SumRows,
    Kernel::Scatter,
    Kernel::ScatterPair,
    Kernel::Copy,
    Kernel::Add,
    Kernel::LayerNorm,
    Kernel::Linear,
    Kernel::LinearSome,
    Kernel::LinearFew,
    Kernel::Unembed,
    Kernel::UnembedFew,
    Kernel::Attend,
    Kernel::Edit,
    Kernel::LogSumExp,
    Kernel::TopK,
];

/// The most that one kernel binds of the above; WebGPU promises 8.
pub(super) const MOST_BINDINGS: usize = 7;

/// Bytes of a kernel's `Params`, at most.
pub(super) const PARAMS_BYTES: usize = 80;

/// Bind groups kept; a forward pass uses a few hundred.
const BIND_GROUPS: usize = 4096;

struct Source {
    name: &'static str,
    wgsl: &'static str,
    inputs: usize,
    outputs: usize,
}

struct Pipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

/// A kernel and the ids of the buffers that it is bound to.
type Key = (Kernel, [u64; MOST_BINDINGS]);

pub(super) struct Kernels {
    device: wgpu::Device,
    faulty: Option<Faulty>,
    /// In the order of `Kernel::ALL`.
    pipelines: Vec<OnceCell<Pipeline>>,
    made: Cell<u64>,
    bind_groups: RefCell<HashMap<Key, wgpu::BindGroup>>,
}

impl Kernels {
    pub fn new(device: wgpu::Device, faulty: Option<Faulty>) -> Self {
        Self {
            device,
            faulty,
            pipelines: SOURCES.iter().map(|_| OnceCell::new()).collect(),
            made: Cell::new(0),
            bind_groups: RefCell::default(),
        }
    }

    /// Makes the pipelines that sweeps and generation use, so that none waits for a
    /// compiler. Browsers compile them beside this program.
    pub fn prepare(&self) {
        for kernel in USUAL {
            self.get(kernel);
        }
    }

    /// Pipelines made so far.
    pub fn made(&self) -> u64 {
        self.made.get()
    }

    pub fn pipeline(&self, kernel: Kernel) -> &wgpu::ComputePipeline {
        &self.get(kernel).pipeline
    }

    /// Binds a kernel to its parameters, which are at a dynamic offset of `params`,
    /// and to buffers with their ids.
    pub fn bind(
        &self,
        kernel: Kernel,
        params: &wgpu::Buffer,
        buffers: &[(u64, &wgpu::Buffer)],
    ) -> wgpu::BindGroup {
        let mut ids = [u64::MAX; MOST_BINDINGS];
        ids.iter_mut().zip(buffers).for_each(|(id, b)| *id = b.0);
        let mut groups = self.bind_groups.borrow_mut();
        if let Some(group) = groups.get(&(kernel, ids)) {
            return group.clone();
        }
        if groups.len() >= BIND_GROUPS {
            groups.clear();
        }
        let bound = |buffer, size| {
            let size = wgpu::BufferSize::new(size);
            let offset = 0;
            wgpu::BindingResource::Buffer(wgpu::BufferBinding {
                buffer,
                offset,
                size,
            })
        };
        let entries: Vec<_> = std::iter::once(bound(params, PARAMS_BYTES as u64))
            // A size of 0 is all of it.
            .chain(buffers.iter().map(|b| bound(b.1, 0)))
            .zip(0..)
            .map(|(resource, binding)| wgpu::BindGroupEntry { binding, resource })
            .collect();
        let group = self.device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &self.get(kernel).layout,
            entries: &entries,
        });
        groups.insert((kernel, ids), group.clone());
        group
    }

    /// Forgets the bind groups, which hold on to their buffers.
    pub fn unbind(&self) {
        self.bind_groups.borrow_mut().clear();
    }

    fn get(&self, kernel: Kernel) -> &Pipeline {
        let i = kernel as usize;
        self.pipelines[i].get_or_init(|| {
            self.made.set(self.made.get() + 1);
            let source = &SOURCES[i];
            match self.fault_of(kernel) {
                None => make(&self.device, source, source.wgsl),
                Some(faulty) => make(&self.device, source, &faulty.alter(source.wgsl)),
            }
        })
    }

    /// How many workgroups to run where `groups` are needed.
    pub fn groups(&self, kernel: Kernel, groups: u64) -> u64 {
        self.fault_of(kernel).map_or(groups, |f| f.groups(groups))
    }

    fn fault_of(&self, kernel: Kernel) -> Option<Faulty> {
        self.faulty.filter(|f| f.kernel == kernel)
    }
}

fn make(device: &wgpu::Device, source: &Source, wgsl: &str) -> Pipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(source.name),
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    });
    let storage = |i: usize| wgpu::BufferBindingType::Storage {
        read_only: i < source.inputs,
    };
    let params = wgpu::BufferBindingType::Uniform;
    let entries: Vec<_> = std::iter::once((params, true))
        .chain((0..source.inputs + source.outputs).map(|i| (storage(i), false)))
        .zip(0..)
        .map(
            |((ty, has_dynamic_offset), binding)| wgpu::BindGroupLayoutEntry {
                binding,
                visibility: wgpu::ShaderStages::COMPUTE,
                ty: wgpu::BindingType::Buffer {
                    ty,
                    has_dynamic_offset,
                    min_binding_size: None,
                },
                count: None,
            },
        )
        .collect();
    let layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(source.name),
        entries: &entries,
    });
    let pipeline_layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(source.name),
        bind_group_layouts: &[Some(&layout)],
        immediate_size: 0,
    });
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(source.name),
        layout: Some(&pipeline_layout),
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            // Every kernel writes its workgroup memory before it reads it.
            zero_initialize_workgroup_memory: false,
            ..Default::default()
        },
        cache: None,
    });
    Pipeline { pipeline, layout }
}
