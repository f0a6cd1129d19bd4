import Actors

/// ffmpeg: takes virtual time, says how far it is, and ends as the clip's kind demands.
package struct FakeTranscoder: Transcoder {
    private let node: SimulatedNode
    private let disk: FakeDisk
    private let invariants: Invariants
    /// Its lost requests are encoders that never end.
    private let encoder: Service

    package init(_ node: SimulatedNode, disk: FakeDisk, invariants: Invariants, encoder: Service) {
        self.encoder = encoder
        self.node = node
        self.disk = disk
        self.invariants = invariants
    }

    package func transcode(
        _ source: LocalFile, in workspace: Workspace, progress: @escaping @Sendable (Int) -> Void
    ) async throws(TranscodeError) -> TranscodedClip {
        guard let video = disk.files[source]?.video else { throw .failed(detail: "no source") }
        let tape = node.simulation.tape
        // One clip in four outlives several heartbeats.
        let isLong = tape.choose(4, .workload) == 3
        let duration = tape.duration(.seconds(2)...(isLong ? .seconds(240) : .seconds(40)), .workload)
        let clock = SimulatedClock(node)
        invariants.transcodeBegan(on: node)
        defer { invariants.transcodeEnded(on: node) }
        progress(0)
        if tape.chance(encoder.conditions.lostRequests, .fault) {
            invariants.noteHang(video)
            do { try await clock.wait(.seconds(1_000_000)) } catch { throw .cancelled }
        }
        for part in 1...4 {
            do { try await clock.wait(duration / 4) } catch { throw .cancelled }
            invariants.works(on: video, node)
            progress(part * 25)
        }
        switch invariants.kind(video) {
        case .poison: throw .unusable(.corrupt)
        case .flaky(let failures) where (invariants.histories[video]?.transcoderFailures ?? 0) < failures:
            invariants.noteTranscoderFailure(video)
            throw .failed(detail: "ffmpeg was killed")
        case .healthy, .flaky: break
        }
        let clip = workspace.file("clip.mp4")
        let poster = workspace.file("poster.jpg")
        disk.files[clip] = Content(video: video, sizeBytes: 1_000_000)
        disk.files[poster] = Content(video: video, sizeBytes: 10_000)
        return TranscodedClip(video: clip, poster: poster, duration: .seconds(30), sizeBytes: 1_000_000)
    }
}
