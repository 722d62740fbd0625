"""Each fault that Resilver must survive has its tests; the numbers are those of the list of faults it was built on."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent

# fault: where it is provoked
ROWS = {
    "1 kill -9 at any instant": {
        "watcher/test_folder_rows_process.py": ["test_row_1_kill_at_any_instant"],
        "picture_io/test_write.py": ["test_a_kill_at_any_moment_leaves_whole_files_only"],
        "worker/test_death.py": ["test_kill_at_fifty_random_moments", "test_no_orphan_when_the_parent_is_killed"],
    },
    "2 disk or inodes full": {
        "watcher/test_folder_rows_folders.py": ["test_row_2_disk_full"],
        "picture_io/test_write.py": [
            "test_a_full_disk_leaves_nothing_and_a_read_only_one_is_denied",
            "test_a_file_size_limit_is_a_full_disk_and_leaves_nothing",
            "test_every_answer_of_the_disk_is_typed",
        ],
        "local/test_models.py": ["test_a_full_disk_is_a_typed_error"],
    },
    "3 output read-only": {
        "watcher/test_folder_rows_folders.py": ["test_row_3_output_read_only"],
        "picture_io/test_write.py": ["test_a_full_disk_leaves_nothing_and_a_read_only_one_is_denied"],
        "cli/test_restore.py": ["test_output_folder_that_cannot_be_written"],
    },
    "4 no permission": {
        "watcher/test_folder_rows_folders.py": ["test_row_4_no_permission"],
        "picture_io/test_read.py": ["test_a_file_without_permission_names_the_cure"],
        "picture_io/test_write.py": ["test_no_permission_names_the_folder"],
        "cli/test_inputs.py": ["test_a_forbidden_folder_is_reported"],
    },
    # results carry the time at which they were made; times, owners and attributes of files are never set
    "5 time or owner cannot be set": {
        "watcher/test_folder_rows_folders.py": ["test_row_5_owner_and_time_cannot_be_set"],
    },
    "6 still being written": {
        "watcher/test_folder_rows_arrival.py": ["test_row_6_still_being_written"],
    },
    "7 announced many times": {
        "watcher/test_folder_rows_arrival.py": ["test_row_7_announced_many_times"],
    },
    "8 replaced while read": {
        "watcher/test_folder_rows_arrival.py": ["test_row_8_replaced_while_read", "test_row_8_deleted_while_read"],
        "cli/test_restore.py": ["test_a_picture_replaced_meanwhile_is_done_again"],
    },
    "9 folders that feed each other": {
        "watcher/test_folder_rows_folders.py": ["test_row_9_folders_that_feed_each_other"],
    },
    "10 names that collide": {
        "watcher/test_folder_rows_arrival.py": ["test_row_10_names_that_collide"],
        "cli/test_restore.py": ["test_six_names"],
        "picture_io/test_write.py": ["test_names_are_unique_and_nothing_is_overwritten"],
    },
    "11 events lost": {
        "watcher/test_folder_rows_arrival.py": ["test_row_11_events_lost", "test_row_11_stopped_while_many_came"],
    },
    "12 limits of inotify": {
        "watcher/test_folder_rows_arrival.py": ["test_row_12_limits_of_the_system"],
    },
    "13 folder away and back": {
        "watcher/test_folder_rows_folders.py": ["test_row_13_folder_away_and_back", "test_row_13_unmounted_and_back"],
    },
    "14 no regular file": {
        "watcher/test_folder_rows_arrival.py": ["test_row_14_no_regular_file"],
        "picture_io/test_read.py": ["test_only_regular_files_are_read"],
        "cli/test_inputs.py": ["test_links_pipes_and_loops_are_left_alone"],
    },
    "15 empty, cut, rotten, mislabelled": {
        "watcher/test_folder_rows_pictures.py": ["test_row_15_empty_cut_rotten_mislabelled"],
        "picture_io/test_read.py": [
            "test_what_is_no_picture_is_told_apart",
            "test_a_cut_file_is_broken",
            "test_content_counts_and_not_the_name",
        ],
    },
    "16 decompression bomb": {
        "watcher/test_folder_rows_pictures.py": ["test_row_16_decompression_bomb"],
        "picture_io/test_read.py": [
            "test_a_bomb_is_refused_from_its_header",
            "test_compressed_texts_do_not_expand_without_end",
        ],
    },
    "17 a file that attacks the decoder": {
        "watcher/test_folder_rows_pictures.py": ["test_row_17_a_file_that_attacks_the_decoder"],
        "picture_io/test_read.py": ["test_mutated_files_end_in_a_picture_or_a_typed_error"],
    },
    "18 worker killed for memory": {
        "watcher/test_folder_rows_process.py": ["test_row_18_killed_for_memory", "test_row_18_not_enough_memory"],
        "worker/test_death.py": ["test_death_is_a_typed_error", "test_memory_limit"],
        "local/test_tiling.py": ["test_short_memory_halves_the_tiles_once"],
        "cli/test_restore.py": ["test_a_dead_worker_costs_its_picture_only"],
    },
    "19 worker hangs": {
        "watcher/test_folder_rows_process.py": ["test_row_19_hangs"],
        "worker/test_death.py": ["test_stopped_process_hangs", "test_death_is_a_typed_error"],
    },
    "20 network missing or damaged": {
        "watcher/test_folder_rows_process.py": ["test_row_20_no_network"],
        "local/test_models.py": [
            "test_a_missing_network_names_the_command",
            "test_a_damaged_file_is_set_aside_and_mended",
        ],
        "local/test_enlarge.py": [
            "test_a_damaged_network_falls_back_and_says_so",
            "test_without_any_network_lanczos_and_a_note",
        ],
    },
    "21 graphics card lost, empty results": {
        "watcher/test_folder_rows_pictures.py": ["test_row_21_empty_results"],
        "local/test_runtime.py": [
            "test_a_failing_card_hands_over_to_the_processor",
            "test_the_last_device_fails_typed",
        ],
        "worker/test_client.py": ["test_blank_result_is_not_saved"],
    },
    "22 journal damaged, locked, full": {
        "watcher/test_folder_rows_process.py": [
            "test_row_22_damaged_journal",
            "test_row_22_locked_journal",
            "test_row_22_full_journal",
        ],
    },
    "23 two instances": {
        "watcher/test_folder_rows_process.py": ["test_row_23_two_instances"],
    },
    "24 a service's bad answers": {
        "watcher/test_folder_rows_cloud.py": [
            "test_row_24_stops_and_asks",
            "test_row_24_backs_off_and_goes_on",
            "test_row_24_fails_for_good",
            "test_row_24_already_good",
            "test_row_24_one_of_a_batch",
            "test_row_24_strangers",
        ],
        "reliability/test_http_rows.py": [
            "test_row_24_stops_and_asks",
            "test_row_24_backs_off_and_goes_on",
            "test_row_24_gives_up",
            "test_row_24_fails_for_good",
            "test_row_24_sends_again_only_what_failed",
            "test_row_24_already_good",
            "test_row_24_names",
            "test_row_24_strangers_and_doubles",
        ],
        "cloud/test_generated_answers.py": ["test_any_answer_to_both_modes", "test_any_answer_to_one_mode"],
    },
    "25 too much, too slow, a bomb": {
        "watcher/test_folder_rows_cloud.py": [
            "test_row_25_more_than_the_service_takes",
            "test_row_25_slow_drip",
            "test_row_25_gzip_bomb",
        ],
        "reliability/test_http_rows.py": [
            "test_row_25_more_than_the_service_takes",
            "test_row_25_slow_drip",
            "test_row_25_gzip_bomb",
        ],
    },
    "26 redirects, certificates, proxies": {
        "watcher/test_folder_rows_cloud.py": [
            "test_row_26_redirects_are_never_followed",
            "test_row_26_certificate_stops_the_queue",
            "test_row_26_proxy",
        ],
        "reliability/test_http_rows.py": [
            "test_row_26_redirects_are_never_followed",
            "test_row_26_certificate_stops_the_queue",
            "test_row_26_no_way_around_certificates",
            "test_row_26_proxy",
        ],
    },
    "27 token leak": {
        "watcher/test_folder_rows_cloud.py": ["test_row_27_no_token_anywhere"],
        "reliability/test_http_rows.py": [
            "test_row_27_no_token_in_anything_a_user_sends_us",
            "test_row_27_no_token_in_the_causes_of_an_error",
            "test_row_27_no_secret_of_an_oauth_client",
            "test_row_27_no_token_of_our_server",
        ],
    },
    "28 hostile names": {
        "watcher/test_folder_rows_pictures.py": ["test_row_28_names_of_photographs"],
        "watcher/test_folder_rows_cloud.py": ["test_row_28_names_of_the_service"],
        "reliability/test_http_rows.py": ["test_row_28_names_of_the_service", "test_row_28_names_of_photographs"],
        "picture_io/test_names.py": [
            "test_any_name_gives_one_valid_part_of_a_path",
            "test_long_names_are_cut_by_bytes_and_stay_apart",
        ],
        "cli/test_restore.py": ["test_names_that_are_no_text"],
        "worker/test_client.py": ["test_bad_step_name_stays_in_the_folder"],
    },
    "29 clock jumps, odd times": {
        "watcher/test_folder_rows_process.py": ["test_row_29_odd_times", "test_row_29_clock_jumps"],
    },
    "30 stopped, asked to end, upgraded": {
        "watcher/test_folder_rows_process.py": [
            "test_row_30_stopped_and_continued",
            "test_row_30_asked_to_end",
            "test_row_30_journal_of_a_newer_version",
        ],
        "worker/test_loop.py": ["test_signal_stops_cleanly", "test_end_of_file_stops_at_once"],
    },
}


@pytest.mark.parametrize("row", ROWS)
def test_the_fault_has_its_tests(row):
    """The tests that this list names exist."""
    for file, names in ROWS[row].items():
        tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
        there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert set(names) <= there, file
