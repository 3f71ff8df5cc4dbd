//! The kernels' pipelines and bind groups: made when first used, or before, then kept.

use super::calls::{self, MOST_BINDINGS, PARAMS_BYTES};
use super::faulty::Faulty;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;

macro_rules! kernels {
    ($($name:ident, $operation:ident, $call:ident, [$($file:literal),*];)*) => {
        /// A kernel: one `.wgsl` file of this folder, and those that it shares with others.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kernel {
            $(
                #[doc = concat!("Of [`Operation::", stringify!($operation), "`](super::Operation::", stringify!($operation), "):" $(, " `", $file, ".wgsl`")*, ".")]
                $name,
            )*
        }

        impl Kernel {
            /// Every kernel; one's number is its place here.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// What it does.
            #[cfg(test)]
            pub(super) fn operation(self) -> super::Operation {
                match self {
                    $(Self::$name => super::Operation::$operation,)*
                }
            }

            /// What it is called with.
            #[cfg(test)]
            pub(super) fn names(self) -> calls::Names {
                match self {
                    $(Self::$name => calls::$call::NAMES,)*
                }
            }

            /// The name of what it is called with.
            #[cfg(debug_assertions)]
            pub(super) fn call(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($call),)*
                }
            }
        }

        const SOURCES: &[Source] = &[$(Source {
            name: stringify!($name),
            wgsl: concat!(
                $(include_str!(concat!($file, ".wgsl")),)*
                include_str!("shared/place.wgsl"),
            ),
            bindings: calls::$call::BINDINGS,
        }),*];
    };
}

// Name, operation, what it is called with, and its files.
kernels! {
    Gather, Gather, gather, ["gather", "shared/elements"];
    Join, Join, join, ["join", "shared/elements"];
    SumRows, SumRows, sum_rows, ["sum_rows", "shared/elements"];
    Scatter, Scatter, scatter, ["scatter", "shared/elements"];
    ScatterPair, ScatterPair, scatter_pair, ["scatter_pair", "shared/elements"];
    Copy, Columns, copy, ["copy", "shared/elements"];
    Add, Add, add, ["add", "shared/elements"];
    Activate, Activate, activate, ["activate", "shared/activation", "shared/elements"];
    LayerNorm, LayerNorm, layer_norm, ["layer_norm", "shared/lanes"];
    Linear, Linear, linear,
        ["linear", "shared/tile", "shared/linear_call", "shared/weight_4", "shared/activation"];
    LinearAny, Linear, linear,
        ["linear", "shared/tile", "shared/linear_call", "shared/weight", "shared/activation"];
    LinearSome, Linear, linear,
        ["linear_some", "shared/parts", "shared/linear_call", "shared/x_4", "shared/weight_4", "shared/activation"];
    LinearSomeAny, Linear, linear,
        ["linear_some", "shared/parts", "shared/linear_call", "shared/x", "shared/weight", "shared/activation"];
    LinearFew, Linear, linear,
        ["linear_few", "shared/parts", "shared/linear_call", "shared/x_4", "shared/weight_4", "shared/activation"];
    LinearFewAny, Linear, linear,
        ["linear_few", "shared/parts", "shared/linear_call", "shared/x", "shared/weight", "shared/activation"];
    Unembed, Unembed, unembed, ["unembed", "shared/tile", "shared/unembed_call"];
    UnembedFew, Unembed, unembed, ["unembed_few", "shared/unembed_call", "shared/x_4", "shared/wte_4"];
    UnembedFewAny, Unembed, unembed, ["unembed_few", "shared/unembed_call", "shared/x", "shared/wte"];
    Attend, Attend, attend, ["attend", "shared/slots", "shared/score", "shared/value"];
    Pattern, Pattern, pattern,
        ["pattern", "shared/pattern_call", "shared/slots", "shared/score", "shared/lanes"];
    Mix, Mix, mix, ["mix", "shared/slots", "shared/value", "shared/elements"];
    Edit, Edit, edit, ["edit", "shared/lanes"];
    LogSumExp, LogSumExp, log_sum_exp, ["log_sum_exp", "shared/lanes"];
    TopK, TopK, top_k, ["top_k"];
    LayerNormBack, LayerNormBack, layer_norm_back, ["layer_norm_back", "shared/lanes"];
    ActivateBack, ActivateBack, activate_back,
        ["activate_back", "shared/slope", "shared/activation", "shared/elements"];
    Scores, Scores, pattern, ["scores", "shared/pattern_call", "shared/slots", "shared/score"];
    SoftmaxBack, SoftmaxBack, softmax_back, ["softmax_back", "shared/lanes"];
    MixBack, MixBack, mix_back, ["mix_back", "shared/elements"];
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

    #[cfg(test)]
    pub(super) fn wgsl(self) -> &'static str {
        SOURCES[self as usize].wgsl
    }

    /// The kernel of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.name() == name)
    }
}

/// What any model with GPT-2's sizes runs. The others are for weights that are not
/// aligned, for patterns and activations that somebody looks at, and for gradients.
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

/// Bind groups kept; a forward pass uses a few hundred.
const BIND_GROUPS: usize = 4096;

struct Source {
    name: &'static str,
    wgsl: &'static str,
    /// How many bindings are read, and how many after them are written.
    bindings: [usize; 2],
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
    let [read, written] = source.bindings;
    let storage = |i: usize| wgpu::BufferBindingType::Storage {
        read_only: i < read,
    };
    let params = wgpu::BufferBindingType::Uniform;
    let entries: Vec<_> = std::iter::once((params, true))
        .chain((0..read + written).map(|i| (storage(i), false)))
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
